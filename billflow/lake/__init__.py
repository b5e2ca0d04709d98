"""The lake: table schemas, folders, manifests; stage → verify → publish; the Spark session that reads and writes it."""
