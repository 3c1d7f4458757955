"""How size, data and compute change what a GPT-2 reaches: plans, sweeps, fits, ablations."""
