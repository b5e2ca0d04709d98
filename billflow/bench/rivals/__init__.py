"""The same bill made by others, each in the way that its own documentation shows: tables that lay themselves out."""
