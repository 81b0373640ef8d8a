"""Setting Porelight up, and rebuilding the shipped models. Not needed while retouching."""
