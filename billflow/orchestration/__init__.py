"""All that knows Dagster: assets, checks, partitions, resources, jobs, schedules, sensors."""
