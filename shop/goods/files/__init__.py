"""Tables in CSV and XLSX files, read row by row in bounded memory."""
