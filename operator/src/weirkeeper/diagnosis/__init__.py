"""Why a Model is not well: from evidence to whether it is data, concept, model or system. Pure."""
