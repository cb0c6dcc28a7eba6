"""Private names of other libraries, one module a library; no other room uses such names."""
