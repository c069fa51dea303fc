//! JSON as the servers write it: fields in their order, and several of one name, as MariaDB writes
//! the tables of a join up to 10.8; and texts that are not escaped.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text. MariaDB 10.11 writes conditions without escaping them, so that one with a quote
    /// or a backslash is no JSON.
    ///
    /// # Errors
    /// It is not JSON, or nested deeper than 128 levels.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text)
            .or_else(|_| serde_json::from_str(&escaped(text)))
            .map_err(|why| why.to_string())
    }

    /// The first field of a name.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.fields().iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number, also one in quotes.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some(&Self::Bool(true))
    }

    /// Texts of a list with commas between them.
    pub(super) fn listed(&self, name: &str) -> Option<String> {
        let Self::List(members) = self.get(name)? else { return None };
        let texts = members.iter().filter_map(|member| match member {
            Self::Text(text) => Some(text.as_str()),
            _ => None,
        });
        Some(texts.collect::<Vec<_>>().join(", ")).filter(|texts| !texts.is_empty())
    }

    /// The fields of an object; none where it is something else.
    pub(super) fn fields(&self) -> &[(String, Self)] {
        match self {
            Self::Object(fields) => fields,
            _ => &[],
        }
    }

    /// The objects that a value is or lists.
    pub(super) fn objects(&self) -> Vec<&Self> {
        match self {
            Self::Object(_) => vec![self],
            Self::List(members) => members.iter().flat_map(Self::objects).collect(),
            _ => Vec::new(),
        }
    }
}

/// Escapes the texts of fields. The server puts each field on a line and breaks none.
fn escaped(text: &str) -> String {
    const NAME_ENDS: &str = "\": \"";
    let line = |line: &str| {
        let (name, value) = line.split_once(NAME_ENDS)?;
        let (value, comma) = value.strip_suffix(',').map_or((value, ""), |value| (value, ","));
        let value = serde_json::to_string(value.strip_suffix('"')?).ok()?;
        Some(format!("{name}\": {value}{comma}"))
    };
    let lines = text.split('\n').map(|plain| line(plain).unwrap_or_else(|| plain.to_owned()));
    lines.collect::<Vec<_>>().join("\n")
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(member) = members.next_element()? {
            list.push(member);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = entries.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

    use super::Json;

    /// As MariaDB 10.11 answers where text is compared with `it's \ a "q", and more`, with a tab.
    #[test]
    fn texts_that_are_not_escaped_are_read() {
        let raw = "{\n  \"rows\": 1,\n  \"attached_condition\": \
                   \"c.`name` = 'it\\'s \\\\ a \"q\", and\tmore'\",\n  \"key\": \"a\"\n}";
        assert!(serde_json::from_str::<Json>(raw).is_err());
        let json = Json::read(raw).unwrap();
        let condition = "c.`name` = 'it\\'s \\\\ a \"q\", and\tmore'";
        assert_eq!(json.text("attached_condition"), Some(condition));
        assert_eq!((json.number("rows"), json.text("key")), (Some(1.0), Some("a")));
    }

    #[test]
    fn every_field_is_kept_in_its_order() {
        let json = Json::read(r#"{"b": {"x": 1}, "a": [true, null, "t"], "b": -2.5}"#).unwrap();
        let names: Vec<_> = json.fields().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "a", "b"]);
        assert_eq!(json.fields()[2].1, Json::Number(-2.5));
        assert_eq!(json.get("b").unwrap().number("x"), Some(1.0));
        assert_eq!(json.listed("a").as_deref(), Some("t"));
        assert!(Json::read("{").is_err() && Json::read(&"[".repeat(200)).is_err());
    }
}
