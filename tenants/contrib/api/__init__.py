"""Base of versioned JSON APIs: errors, authentication, pagination, ETags, OpenAPI documents and usage."""
