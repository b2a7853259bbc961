"""Planners: what is there and what is wanted, at one moment, become a Plan. No clients, no clocks, no logs."""
