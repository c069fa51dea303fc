//! What is put on the journal: kinds of triggers, and what may stand in their place.

use dbdyno_core::TriggerLanguage;

/// Something that the engine does for every row that is written.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name in results.
    pub name: &'static str,
    /// The loads of single rows and of many at once.
    pub loads: [&'static str; 2],
    /// Its effect.
    pub effect: Effect,
    /// What it adds to the definition of the table; nothing where it is a trigger.
    pub definition: &'static str,
    script: fn(TriggerLanguage) -> Script,
}

/// The statements that put it on, or why the engine does not have it.
type Script = Result<&'static str, &'static str>;

/// How its work shows in the tables, so that what did not happen is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Not at all.
    Nothing,
    /// In so many rows of the audit trail for each row that is written.
    Audited(u64),
    /// In the totals of the accounts, and a row of the audit trail for each change of one.
    AddedUp,
    /// In that rows are refused which are negative.
    Refusing,
    /// In a column that is twice the amount.
    Doubled,
}

/// Every kind; the first is what the others are held against.
pub const KINDS: [Kind; 8] = [
    Kind {
        name: "none",
        loads: ["none-single", "none-bulk"],
        effect: Effect::Nothing,
        definition: "",
        script: |_| Ok(""),
    },
    Kind {
        name: "audit",
        loads: ["audit-single", "audit-bulk"],
        effect: Effect::Audited(1),
        definition: "",
        script: |language| {
            Ok(match language {
                TriggerLanguage::PlPgSql => include_str!("../sql/triggers/plpgsql/audit.sql"),
                _ => include_str!("../sql/triggers/rows/audit.sql"),
            })
        },
    },
    Kind {
        name: "audit-three",
        loads: ["audit-three-single", "audit-three-bulk"],
        effect: Effect::Audited(3),
        definition: "",
        script: |language| {
            Ok(match language {
                TriggerLanguage::PlPgSql => include_str!("../sql/triggers/plpgsql/audit_three.sql"),
                _ => include_str!("../sql/triggers/rows/audit_three.sql"),
            })
        },
    },
    Kind {
        name: "audit-statement",
        loads: ["audit-statement-single", "audit-statement-bulk"],
        effect: Effect::Audited(1),
        definition: "",
        script: |language| match language {
            TriggerLanguage::PlPgSql => Ok(include_str!("../sql/triggers/plpgsql/statement.sql")),
            _ => Err("its triggers are run for each row, and none once for a statement"),
        },
    },
    Kind {
        name: "validate",
        loads: ["validate-single", "validate-bulk"],
        effect: Effect::Refusing,
        definition: "",
        script: |language| {
            Ok(match language {
                TriggerLanguage::PlPgSql => include_str!("../sql/triggers/plpgsql/validate.sql"),
                TriggerLanguage::SqlPsm => include_str!("../sql/triggers/rows/validate_psm.sql"),
                TriggerLanguage::Statements => {
                    include_str!("../sql/triggers/rows/validate_statements.sql")
                }
            })
        },
    },
    Kind {
        name: "check-constraint",
        loads: ["check-constraint-single", "check-constraint-bulk"],
        effect: Effect::Refusing,
        definition: "CHECK (amount >= 0 AND account >= 0)",
        script: |_| Ok(""),
    },
    Kind {
        name: "cascade",
        loads: ["cascade-single", "cascade-bulk"],
        effect: Effect::AddedUp,
        definition: "",
        script: |language| {
            Ok(match language {
                TriggerLanguage::PlPgSql => include_str!("../sql/triggers/plpgsql/cascade.sql"),
                _ => include_str!("../sql/triggers/rows/cascade.sql"),
            })
        },
    },
    Kind {
        name: "generated-column",
        loads: ["generated-column-single", "generated-column-bulk"],
        effect: Effect::Doubled,
        definition: "doubled INT GENERATED ALWAYS AS (amount * 2) STORED",
        script: |_| Ok(""),
    },
];

impl Kind {
    /// The statements that put it on, in the engine's own words.
    ///
    /// # Errors
    /// The engine does not have it: why.
    pub fn statements(&self, language: TriggerLanguage) -> Result<Vec<&'static str>, &'static str> {
        let script = (self.script)(language)?;
        Ok(script.split("\n\n").map(str::trim).filter(|statement| !statement.is_empty()).collect())
    }

    /// What takes away that which does not go with the journal's table.
    pub fn drop(&self, language: TriggerLanguage) -> Option<&'static str> {
        let script = (self.script)(language).ok()?;
        script.lines().find_map(|line| line.strip_prefix("-- drop: "))
    }
}

#[cfg(test)]
mod tests {
    use dbdyno_core::TriggerLanguage;

    use super::{Effect, KINDS};

    #[test]
    fn every_kind_is_put_on_by_whole_statements() {
        for language in
            [TriggerLanguage::PlPgSql, TriggerLanguage::SqlPsm, TriggerLanguage::Statements]
        {
            for kind in KINDS {
                let Ok(statements) = kind.statements(language) else {
                    assert_eq!(kind.name, "audit-statement");
                    continue;
                };
                let triggers = statements.iter().filter(|sql| sql.contains("CREATE TRIGGER"));
                let is_trigger = kind.definition.is_empty() && kind.effect != Effect::Nothing;
                assert_eq!(triggers.count() > 0, is_trigger, "{} {language:?}", kind.name);
                let whole = |sql: &&str| sql.matches("CREATE ").count() == 1;
                assert!(statements.iter().all(whole), "{} {language:?}", kind.name);
                assert_eq!(
                    kind.loads,
                    ["single", "bulk"].map(|size| format!("{}-{size}", kind.name))
                );
            }
        }
    }
}
