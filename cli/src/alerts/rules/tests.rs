use super::super::known_metrics;
use super::*;

fn rules(text: &str) -> Result<Vec<Rule>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dbdyno.toml");
    std::fs::write(&file, text).unwrap();
    let config = Config::read(Some(&file)).unwrap();
    of_file(&config, &known_metrics(), &["sqlite".to_owned()])
}

#[test]
fn every_ready_made_rule_has_a_metric_and_an_end() {
    for ready_made in READY_MADE {
        let rule = of_ready_made(ready_made, &known_metrics(), true).unwrap();
        match rule.condition {
            // What is absent is over once it is there.
            Condition::Absent => {}
            Condition::Beyond { op, threshold, clear: Some(clear), .. } => {
                let ends = if op.is_upwards() { clear <= threshold } else { clear >= threshold };
                assert!(ends, "{rule:?}");
            }
            Condition::Beyond { clear: None, .. } => panic!("{rule:?}"),
        }
    }
}

#[test]
fn a_ready_made_rule_is_changed_field_by_field() {
    let read = rules("[[alert]]\nuse = 'p99'\nthreshold = '20ms'\nfor = '1m'\nname = 'slow'\n");
    let rule = read.unwrap().remove(0);
    assert_eq!((rule.name.as_str(), rule.lasting), ("slow", Duration::from_secs(60)));
    assert_eq!(rule.severity, Severity::Warn);
    let expected = Condition::Beyond {
        op: Op::Above,
        threshold: 0.02,
        // That of the rule as it was would never be reached.
        clear: None,
        rate: None,
        baseline: None,
    };
    assert_eq!(rule.condition, expected);
    let same = rules("[[alert]]\nuse = 'p99'\nseverity = 'fail'\n").unwrap().remove(0);
    let known = READY_MADE.iter().find(|known| known.name == "p99").unwrap();
    let mut expected = of_ready_made(known, &known_metrics(), true).unwrap();
    expected.severity = Severity::Fail;
    assert_eq!(same, expected);
}

#[test]
fn a_ready_made_rule_of_absence_stays_one_unless_a_threshold_is_said() {
    let silent = |more: &str| rules(&format!("[[alert]]\nuse = 'silent'\n{more}"));
    let rule = silent("severity = 'fail'\n").unwrap().remove(0);
    assert_eq!((rule.condition, rule.lasting), (Condition::Absent, Duration::from_secs(5)));
    let rule = silent("for = '1s'\n").unwrap().remove(0);
    assert_eq!((rule.condition, rule.lasting), (Condition::Absent, Duration::from_secs(1)));
    assert!(silent("threshold = 5\n").is_err());
    let few = silent("op = '<'\nthreshold = 5\n").unwrap().remove(0);
    assert!(matches!(few.condition, Condition::Beyond { op: Op::Below, .. }), "{few:?}");
}

#[test]
fn thresholds_are_in_the_unit_of_their_metric() {
    let number = |text: &str, unit| quantity(&Quantity::Text(text.to_owned()), unit);
    assert_eq!(number("5%", RATIO), Ok(0.05));
    assert_eq!(number("150 %", RATIO), Ok(1.5));
    assert_eq!(number("20ms", "s"), Ok(0.02));
    assert_eq!(number("2s", "ms"), Ok(2_000.0));
    assert_eq!(number("1GiB", "bytes"), Ok(1_073_741_824.0));
    assert_eq!(number("12.5", "1"), Ok(12.5));
    assert_eq!(quantity(&Quantity::Whole(7), "1/s"), Ok(7.0));
    for (text, unit) in [("5", RATIO), ("20", "s"), ("1 sheep", "bytes"), ("5%", "1"), ("nan", "1")]
    {
        assert!(number(text, unit).is_err(), "{text} {unit}");
    }
    assert!(quantity(&Quantity::Fraction(f64::INFINITY), "1").is_err());
}

#[test]
fn two_rules_have_two_names() {
    let both = "[[alert]]\nuse = 'disk'\n\n[[alert]]\nuse = 'disk'\nof = '/'\n";
    let wrong = rules(both).unwrap_err().to_string();
    assert!(wrong.contains("line 4: there is another rule named `disk`"), "{wrong}");
}
