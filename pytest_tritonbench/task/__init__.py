"""What is asked: tasks, their cases, and the inputs they take."""
