"""What the coalition studies share: tables and claims."""
