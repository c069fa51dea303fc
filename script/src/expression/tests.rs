//! Parsing what was printed, whatever it is; the values of operators and functions are in
//! `tests/expressions.rs`.

use proptest::prelude::*;

use super::function::Function;
use super::operator::Operator;
use super::{Expression, Node, Spot, parse};
use crate::names::{Names, Slot};
use crate::scalar::Scalar;
use crate::source::Source;

const NOWHERE: Spot = Spot(0);

/// With as few parentheses as the reader of this function needs: all of them.
fn print(node: &Node, names: &Names) -> String {
    let print = |node: &Node| print(node, names);
    match node {
        // A minus is an operation, and the smallest integer is the only negative constant.
        Node::Constant(Scalar::Double(double)) => format!("{double:e}"),
        Node::Constant(constant) => constant.to_string(),
        Node::Variable(slot, _) => format!(":{}", names.name(*slot)),
        Node::Not(operand, _) => format!("(NOT {})", print(operand)),
        Node::Is(operand, constant) => format!("({} IS {constant})", print(operand)),
        Node::Binary(operator, operands, _) => {
            format!("({} {} {})", print(&operands[0]), operator.text(), print(&operands[1]))
        }
        Node::Call(function, arguments, _) => {
            let arguments: Vec<String> = arguments.iter().map(print).collect();
            let name = Function::names().find(|name| Function::find(name) == Some(*function));
            format!("{}({})", name.unwrap(), arguments.join(", "))
        }
        Node::Case(branches, otherwise) => {
            let branches: String = branches
                .iter()
                .map(|(condition, value)| {
                    format!("WHEN {} THEN {} ", print(condition), print(value))
                })
                .collect();
            format!("(CASE {branches}ELSE {} END)", print(otherwise))
        }
    }
}

fn names() -> Names {
    let mut names = Names::default();
    for name in ["x", "_y2", "größe"] {
        names.slot(name);
    }
    names
}

fn nodes() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        (0..i64::MAX).prop_map(|int| Node::Constant(Scalar::Int(int))),
        Just(Node::Constant(Scalar::Int(i64::MIN))),
        (0f64..1e300).prop_map(|double| Node::Constant(Scalar::Double(double))),
        any::<bool>().prop_map(|bool| Node::Constant(Scalar::Bool(bool))),
        Just(Node::Constant(Scalar::Null)),
        (0..3u32).prop_map(|slot| Node::Variable(Slot(slot), NOWHERE)),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let constant = prop_oneof![Just(Scalar::Null), any::<bool>().prop_map(Scalar::Bool)];
        prop_oneof![
            inner.clone().prop_map(|node| Node::Not(Box::new(node), NOWHERE)),
            (inner.clone(), constant).prop_map(|(node, is)| Node::Is(Box::new(node), is)),
            (prop::sample::select(&Operator::ALL), inner.clone(), inner.clone()).prop_map(
                |(operator, left, right)| Node::Binary(operator, Box::new([left, right]), NOWHERE)
            ),
            (prop::collection::vec((inner.clone(), inner.clone()), 1..3), inner.clone())
                .prop_map(|(branches, other)| Node::Case(branches.into(), Box::new(other))),
            calls(inner),
        ]
    })
}

/// Calls with all the arguments that a function can have.
fn calls(inner: impl Strategy<Value = Node> + Clone) -> impl Strategy<Value = Node> {
    let all: Vec<Function> = Function::names().filter_map(Function::find).collect();
    (prop::sample::select(all), prop::collection::vec(inner, 16)).prop_map(
        |(function, mut nodes)| {
            nodes.truncate((*function.arguments().end()).min(4));
            Node::Call(function, nodes.into(), NOWHERE)
        },
    )
}

fn parsed(text: &str) -> Result<Node, String> {
    let source = Source { name: "test", text };
    let Expression(node) = parse(source, 0, &mut names(), &mut Vec::new())
        .map_err(|mistake| format!("{mistake} in {text}"))?;
    Ok(node)
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again(node in nodes()) {
        prop_assert_eq!(parsed(&print(&node, &names())), Ok(node));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-+*/%<>=!&|#~(),.:a-zE0-9 \t\\\\\n\"';$é]{0,60}") {
        let _ = parsed(&text);
    }

    /// Parentheses are needed only where the manual's table of precedence says so.
    #[test]
    fn tighter_operators_need_no_parentheses(
        one in prop::sample::select(&Operator::ALL), two in prop::sample::select(&Operator::ALL),
    ) {
        let (flat, left, right) = (
            parsed(&format!(":x {} 2 {} 3", one.text(), two.text())),
            parsed(&format!("(:x {} 2) {} 3", one.text(), two.text())),
            parsed(&format!(":x {} (2 {} 3)", one.text(), two.text())),
        );
        match one.precedence().cmp(&two.precedence()) {
            std::cmp::Ordering::Less => prop_assert_eq!(flat, right),
            std::cmp::Ordering::Greater => prop_assert_eq!(flat, left),
            std::cmp::Ordering::Equal if matches!(one.text(), "<" | "<=" | ">" | ">=" | "=" | "<>") => {
                prop_assert!(flat.unwrap_err().contains("second comparison"));
            }
            std::cmp::Ordering::Equal => prop_assert_eq!(flat, left),
        }
    }
}
