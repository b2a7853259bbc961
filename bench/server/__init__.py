"""How fast the model server is beside others, as a table of ratios with goals."""
