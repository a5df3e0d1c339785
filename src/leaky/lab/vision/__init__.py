"""What the tasks on images share: reference networks, and detection's boxes, loss and average precision."""
