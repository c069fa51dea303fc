//! Names that users type: finding what is meant, and suggesting the nearest where it is not there.

/// The member of `all` whose name is `given`, or a message with the nearest valid names.
pub fn one_of<T: Copy>(
    what: &str,
    given: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    let names: Vec<&str> = all.iter().map(|member| name(*member)).collect();
    all.iter()
        .copied()
        .find(|member| name(*member) == given)
        .ok_or_else(|| unknown(what, given, &names))
}

/// "there is no … `given`", and what comes nearest.
pub fn unknown(what: &str, given: &str, valid: &[&str]) -> String {
    let quoted = |names: &[&str], between: &str| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(between)
    };
    let near = nearest(given, valid);
    if near.is_empty() {
        format!("there is no {what} `{given}`; there are {}", quoted(valid, ", "))
    } else {
        format!("there is no {what} `{given}`; did you mean {}?", quoted(&near, " or "))
    }
}

/// Up to three valid names that `given` may be a slip of, best first.
fn nearest<'a>(given: &str, valid: &[&'a str]) -> Vec<&'a str> {
    const ALIKE: f64 = 0.8;
    let mut scored: Vec<(f64, &str)> = valid
        .iter()
        .map(|name| {
            // `tpcc` for `oltp/tpcc`: the part after the slash counts as the whole.
            let tail = name.rsplit('/').next().unwrap_or(name);
            let score = |name: &str| strsim::jaro_winkler(&given.to_lowercase(), name);
            (score(name).max(score(tail)), *name)
        })
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0));
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn slips_get_the_nearest_names() {
        let valid = ["oltp/tpcc", "oltp/tpcb", "oltp/point-select"];
        assert_eq!(
            unknown("benchmark", "tpc", &valid),
            "there is no benchmark `tpc`; did you mean `oltp/tpcc` or `oltp/tpcb`?"
        );
        assert_eq!(
            unknown("benchmark", "zzz", &valid),
            "there is no benchmark `zzz`; there are `oltp/tpcc`, `oltp/tpcb`, `oltp/point-select`"
        );
    }
}
