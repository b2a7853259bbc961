"""What the report of a Model says: from its objects and ConfigMaps, as kubectl gives them, to a page. No effects."""
