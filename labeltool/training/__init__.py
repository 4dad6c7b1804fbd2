"""What makes a model: samples, augmentation, and the training of DeepPose."""
