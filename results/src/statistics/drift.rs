//! Whether what looks like a step is a slow drift.

/// Whether a line through all values fits better than two levels, by the information criterion of Schwarz
/// ("Estimating the Dimension of a Model", Annals of Statistics 6, 1978): a line has a slope and a height, two
/// levels have a place as well.
pub fn is_drift(before: &[f64], after: &[f64]) -> bool {
    let all: Vec<f64> = before.iter().chain(after).copied().collect();
    let size = all.len() as f64;
    if before.len() < 3 || after.len() < 3 {
        return false;
    }
    let steps = about_mean(before) + about_mean(after);
    let line = about_line(&all);
    line > 0.0
        && size * (line / size).ln() + 2.0 * size.ln()
            < size * (steps / size).ln() + 3.0 * size.ln()
}

/// The squares of the distances from the mean, added up.
fn about_mean(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// The same from the line of least squares.
fn about_line(values: &[f64]) -> f64 {
    let middle = (values.len() - 1) as f64 / 2.0;
    let places = || (0..values.len()).map(|place| place as f64 - middle);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let along: f64 = places().zip(values).map(|(place, value)| place * (value - mean)).sum();
    let slope = along / places().map(|place| place * place).sum::<f64>();
    places().zip(values).map(|(place, value)| (value - mean - slope * place).powi(2)).sum()
}
