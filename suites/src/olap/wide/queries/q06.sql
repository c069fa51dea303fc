-- The first and last moment and day; nothing tells the engine that the table is in their order.
SELECT min(event_time), max(event_time), min(event_date), max(event_date) FROM hits
