"""Labelled scans: folders, splits, near-duplicates, augmentation, batches."""
