"""Published bills written to other databases (`sinks:` of billflow.yaml): `writing.write_back` is the door."""
