"""The conditions of a Monitor, a module each: from a window's counts to what is to be said of them. Pure."""
