import time
from threading import Event, Thread

from billflow.lake.watching import tasks_under_way, watched


def in_background(work):
    thread = Thread(target=work)
    thread.start()
    return thread


def test_watched_tells_how_many_tasks_of_how_many_are_done(spark):
    told, seen = [], Event()

    def tell(done, tasks):
        told.append((done, tasks))
        if done:
            seen.set()

    def nap(rows):
        time.sleep(0.3)
        return rows

    def work():
        spark.sparkContext.parallelize(range(12), 12).mapPartitions(nap).count()

    with watched(tell, every=0.05):
        worker = in_background(work)
        assert seen.wait(timeout=60)
        worker.join()
    assert all(0 <= done <= tasks == 12 for done, tasks in told)


def test_watched_ends_with_what_it_watches(spark):
    told = []
    with watched(lambda *counts: told.append(counts), every=0.01):
        pass
    spark.range(1000).repartition(4).count()
    assert told == []


def test_tasks_under_way_are_none_when_nothing_runs(spark):
    spark.range(10).count()
    assert tasks_under_way() == (0, 0)
