"""What the studies of neighbourhoods share: worlds, tables, pictures and claims."""
