"""How a model learns: the loop, the optimisers, and the machines that run them."""
