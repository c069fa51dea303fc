//! The values of a statement's parameters.

use dbdyno_core::Value;
use dbdyno_script::{Held, Scalar, Slot, Variables};

use super::program::Request;
use super::workload::Shared;

/// Hands on what a statement's variables hold; an error is the first that nothing has set.
///
/// Up to 128 values are put together on the stack, of which the less has to be cleared the better: nearly
/// all statements have four at most.
#[inline]
pub fn with<R>(
    variables: &Variables,
    request: &Request,
    shared: &Shared,
    ask: impl FnOnce(&[Value<'_>]) -> R,
) -> Result<R, Slot> {
    match request.parameters.len() {
        0..=4 => on_stack::<4, R>(variables, request, shared, ask),
        count => with_many(count, variables, request, shared, ask),
    }
}

#[inline(never)]
fn with_many<R>(
    count: usize,
    variables: &Variables,
    request: &Request,
    shared: &Shared,
    ask: impl FnOnce(&[Value<'_>]) -> R,
) -> Result<R, Slot> {
    match count {
        0..=16 => on_stack::<16, R>(variables, request, shared, ask),
        17..=128 => on_stack::<128, R>(variables, request, shared, ask),
        _ => {
            let mut values = vec![Value::Null; count];
            bind(variables, request, shared, &mut values)?;
            Ok(ask(&values))
        }
    }
}

#[inline]
fn on_stack<const SPACE: usize, R>(
    variables: &Variables,
    request: &Request,
    shared: &Shared,
    ask: impl FnOnce(&[Value<'_>]) -> R,
) -> Result<R, Slot> {
    let mut space = [Value::Null; SPACE];
    let values = &mut space[..request.parameters.len()];
    bind(variables, request, shared, values)?;
    Ok(ask(values))
}

#[inline]
fn bind<'v>(
    variables: &'v Variables,
    request: &Request,
    shared: &Shared,
    values: &mut [Value<'v>],
) -> Result<(), Slot> {
    for (value, slot) in values.iter_mut().zip(&request.parameters) {
        *value = of(variables, *slot)?;
    }
    if request.is_explained {
        shared.capture(request.id, values);
    }
    Ok(())
}

/// What a variable holds, as a parameter; an error where nothing has set it. Every engine takes 1 and 0 for a
/// boolean.
#[inline]
pub fn of(variables: &Variables, slot: Slot) -> Result<Value<'_>, Slot> {
    Ok(match variables.get(slot) {
        Held::Scalar(Scalar::Int(int)) => Value::Int(int),
        Held::Scalar(Scalar::Double(double)) => Value::Float(double),
        Held::Scalar(Scalar::Bool(bool)) => Value::Int(bool.into()),
        Held::Scalar(Scalar::Null) => Value::Null,
        Held::Text(text) => Value::Text(text),
        Held::Unset => return Err(slot),
    })
}
