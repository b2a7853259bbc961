"""Measurements that take minutes, apart from the product and from its tests."""
