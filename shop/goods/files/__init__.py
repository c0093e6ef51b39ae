"""Tables in files: CSV in any usual encoding and separator, and XLSX, row by row in bounded memory."""
