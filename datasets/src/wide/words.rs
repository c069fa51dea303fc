//! The words that text is made of, all in lower case: SQLite's `LIKE` does not tell the cases apart,
//! that of the other engines does.

/// Words of hosts, pages and search phrases.
pub const WORDS: [&str; 96] = [
    "amber", "anchor", "apple", "arrow", "autumn", "bamboo", "basket", "beach", "bicycle",
    "bottle", "bread", "bridge", "butter", "button", "cable", "camera", "candle", "canvas",
    "carpet", "castle", "cheese", "cherry", "circle", "clock", "coffee", "copper", "corner",
    "cotton", "desert", "diamond", "dinner", "dragon", "drawer", "engine", "fabric", "feather",
    "finger", "flower", "forest", "garden", "garlic", "ginger", "guitar", "hammer", "harbour",
    "helmet", "holiday", "honey", "island", "jacket", "journey", "jungle", "kettle", "kitchen",
    "ladder", "lantern", "leather", "lemon", "letter", "magnet", "market", "meadow", "mirror",
    "mountain", "needle", "olive", "orange", "orchard", "paper", "pepper", "piano", "pillow",
    "planet", "pocket", "potato", "pumpkin", "rabbit", "ribbon", "river", "rocket", "saddle",
    "salmon", "shadow", "silver", "spider", "summer", "sunset", "temple", "thunder", "ticket",
    "tunnel", "velvet", "village", "violin", "window", "winter",
];

/// Sections of sites.
pub const SECTIONS: [&str; 24] = [
    "about",
    "account",
    "archive",
    "articles",
    "basket",
    "blog",
    "books",
    "catalogue",
    "checkout",
    "events",
    "forum",
    "gallery",
    "games",
    "help",
    "jobs",
    "maps",
    "music",
    "news",
    "offers",
    "profile",
    "recipes",
    "search",
    "travel",
    "weather",
];

/// Countries with a language and their distance from UTC in minutes.
pub const COUNTRIES: [(&str, &str, i64); 16] = [
    ("US", "en", -300),
    ("DE", "de", 60),
    ("BR", "pt", -180),
    ("IN", "hi", 330),
    ("FR", "fr", 60),
    ("GB", "en", 0),
    ("JP", "ja", 540),
    ("ES", "es", 60),
    ("IT", "it", 60),
    ("PL", "pl", 60),
    ("TR", "tr", 180),
    ("MX", "es", -360),
    ("NL", "nl", 60),
    ("SE", "sv", 60),
    ("AU", "en", 600),
    ("NZ", "en", 720),
];

/// Operating systems, from number 1 on.
pub const SYSTEMS: [&str; 6] = ["Windows NT", "Mac OS X", "Linux", "Android", "iPhone OS", "KaiOS"];

/// Browsers, from number 1 on.
pub const BROWSERS: [&str; 6] = ["Chrome", "Safari", "Firefox", "Edge", "Opera", "Konqueror"];

/// Networks.
pub const NETWORKS: [&str; 6] = ["agora", "bulletin", "chatter", "friends", "pinboard", "streams"];

/// Currencies, the most frequent first.
pub const CURRENCIES: [&str; 4] = ["EUR", "USD", "GBP", "JPY"];
