"""What happens inside a model: traces, heads, lenses, ablations, geometry."""
