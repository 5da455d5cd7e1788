"""Programs that run inside Pods. They import nothing of ours: each is handed over as text, or is in the image."""
