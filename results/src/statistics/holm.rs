//! Several tests at once.

/// What each p must be held to the level as, so that the chance of even one false alarm among all tests
/// is at most that level, however the tests depend on each other (Holm, "A Simple Sequentially Rejective
/// Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979). In the order of `p_values`.
pub fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, place) in order.into_iter().enumerate() {
        let left = (p_values.len() - rank) as f64;
        largest = largest.max((p_values[place] * left).min(1.0));
        adjusted[place] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::adjusted;

    /// R: `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")`.
    #[test]
    fn the_same_as_in_r() {
        let found = adjusted(&[0.01, 0.04, 0.03, 0.005]);
        for (found, known) in found.into_iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - known).abs() < 1e-12, "{found} is not {known}");
        }
        assert_eq!(adjusted(&[]), Vec::<f64>::new());
    }
}
