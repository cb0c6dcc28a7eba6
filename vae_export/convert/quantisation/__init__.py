"""Lower precisions: the float32 files again, in halves and integers."""
