"""Hostile inputs, made when they are needed: no repository should carry them ready."""
