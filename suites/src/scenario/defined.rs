//! The variables that scripts find set: those of `-D`, and pgbench's automatic ones.

use dbdyno_core::random::Rng;
use dbdyno_core::{Error, Result, Scale};
use dbdyno_script::{Names, Scalar, Variables};

/// The variables that are set for every script (PostgreSQL's manual, "pgbench", "pgbench Automatic
/// Variables").
const AUTOMATIC: [&str; 4] = ["client_id", "default_seed", "random_seed", "scale"];
/// The place of this random stream below the seed: the seed of hashes.
const HASH_STREAM: u64 = 0x6861_7368;

/// What `-D` gives, in order.
#[derive(Clone, Debug, Default)]
pub struct Defined(Vec<(String, String)>);

impl Defined {
    /// Reads `name=value`s.
    ///
    /// # Errors
    /// One is none, or its name cannot be a variable's.
    pub fn parse(texts: &[String]) -> Result<Self> {
        let mut defined = Vec::new();
        for text in texts {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !is_name || !text.contains('=') {
                let why = format!("`{text}` does not say `name=value`");
                return Err(Error::new("define a variable", why).next(
                    "write such as `-D items=100`; names have letters, digits and underscores",
                ));
            }
            defined.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self(defined))
    }

    /// Whether a variable is set before a script is.
    pub fn has(&self, name: &str) -> bool {
        AUTOMATIC.contains(&name) || self.0.iter().any(|(known, _)| known == name)
    }

    /// Gives all of them places.
    pub fn name_all(&self, names: &mut Names) {
        for name in AUTOMATIC.into_iter().chain(self.0.iter().map(|(name, _)| name.as_str())) {
            names.slot(name);
        }
    }

    /// The variables of client number `client`, or of a set-up, as the first script finds them.
    pub fn variables(&self, names: &Names, scale: Scale, seed: u64, client: u32) -> Variables {
        let mut variables = Variables::new(names);
        let hash_seed = Rng::new(seed, &[HASH_STREAM]).bits().cast_signed();
        let scale = if scale == Scale::whole(u32::try_from(scale.units()).unwrap_or(u32::MAX)) {
            Scalar::Int(scale.units().cast_signed())
        } else {
            Scalar::Double(scale.to_f64())
        };
        for (name, value) in [
            ("client_id", Scalar::Int(client.into())),
            ("default_seed", Scalar::Int(hash_seed)),
            ("random_seed", Scalar::Int(seed.cast_signed())),
            ("scale", scale),
        ] {
            if let Some(slot) = names.find(name) {
                variables.set(slot, value);
            }
        }
        for (name, text) in &self.0 {
            let Some(slot) = names.find(name) else { continue };
            // A number that is written as such is one, also as a parameter; `007` stays text.
            match Scalar::read(text) {
                Some(value @ (Scalar::Int(_) | Scalar::Double(_)))
                    if value.to_string() == *text =>
                {
                    variables.set(slot, value);
                }
                _ => variables.set_text(slot, text),
            }
        }
        variables
    }

    /// In the words of the command line.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_script::Held;

    use super::*;

    #[test]
    fn variables_are_set_before_the_first_script() {
        let given: Vec<String> = ["n=3", "t=007", "x=0.5", "w=a=b"].map(str::to_owned).to_vec();
        let defined = Defined::parse(&given).unwrap();
        let mut names = Names::default();
        defined.name_all(&mut names);
        let variables = defined.variables(&names, Scale::hundredths(50), 7, 2);
        let held = |name: &str| variables.get(names.find(name).unwrap());
        assert_eq!(held("n"), Held::Scalar(Scalar::Int(3)));
        assert_eq!(held("t"), Held::Text("007"));
        assert_eq!(held("x"), Held::Scalar(Scalar::Double(0.5)));
        assert_eq!(held("w"), Held::Text("a=b"));
        assert_eq!(held("scale"), Held::Scalar(Scalar::Double(0.5)));
        assert_eq!(held("client_id"), Held::Scalar(Scalar::Int(2)));
        assert_eq!(held("random_seed"), Held::Scalar(Scalar::Int(7)));
        let whole = defined.variables(&names, Scale::whole(3), 7, 0);
        assert_eq!(whole.get(names.find("scale").unwrap()), Held::Scalar(Scalar::Int(3)));
        for wrong in ["x", "=1", "1x=2", "a b=1"] {
            assert!(Defined::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
