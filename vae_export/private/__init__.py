"""What other libraries do not promise, one module a library; no other room uses such names."""
