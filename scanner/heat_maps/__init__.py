"""Heat maps as people see them: one scale of colours, overlays, and the folder that they go to."""
