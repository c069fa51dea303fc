-- Many sums of one column, which an engine may find out to be one.
SELECT sum(window_width + 1), sum(window_width + 2), sum(window_width + 3), sum(window_width + 4),
       sum(window_width + 5), sum(window_width + 6), sum(window_width + 7), sum(window_width + 8),
       sum(window_width + 9), sum(window_width + 10), sum(window_width + 11), sum(window_width + 12),
       sum(window_width + 13), sum(window_width + 14), sum(window_width + 15), sum(window_width + 16),
       sum(window_width + 17), sum(window_width + 18), sum(window_width + 19), sum(window_width + 20)
FROM hits
