"""Says who scans what until when, so that nobody scans the same twice unknowing."""
