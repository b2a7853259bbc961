"""Labels that find their prediction: sealed tokens in answers, and counts of what comes back with them."""
