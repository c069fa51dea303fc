-- The visitors of each model of telephone.
SELECT phone_brand, phone_model, count(DISTINCT user_id) AS users
FROM hits
WHERE phone_model <> ''
GROUP BY phone_brand, phone_model
ORDER BY users DESC, phone_brand, phone_model
LIMIT 10
