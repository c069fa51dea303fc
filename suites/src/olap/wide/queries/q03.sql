-- Sums and averages; those of user numbers need more than 64 bits.
SELECT sum(ad_engine), count(*), avg(window_width), avg(user_id) FROM hits
