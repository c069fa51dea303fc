//! The fit against published coefficients, and against curves whose coefficients are known.

#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use dbdyno_core::random::Rng;
use proptest::prelude::*;

use super::{Estimate, Fit, Observation, Spread, fit};
use crate::statistics::truth::Noise;

fn points(measured: &[(f64, f64)]) -> Vec<Observation> {
    measured.iter().map(|&(load, throughput)| Observation { load, throughput }).collect()
}

fn assert_near(found: f64, known: f64, relative: f64) {
    assert!((found - known).abs() <= relative * known.abs(), "{found} is not {known}");
}

fn assert_ends(found: Estimate, known: (f64, f64)) {
    assert_near(found.low, known.0, 1e-5);
    assert_near(found.high, known.1, 1e-5);
}

/// SPEC SDM91 on a Sun SPARCcenter 2000, scripts per hour; Gunther, "Guerrilla Capacity Planning", 2007.
const SDM91: [(f64, f64); 7] = [
    (1.0, 64.9),
    (18.0, 995.9),
    (36.0, 1652.4),
    (72.0, 1853.2),
    (108.0, 1828.9),
    (144.0, 1775.0),
    (216.0, 1702.2),
];

/// Ray tracing on an SGI Origin 2000; Gunther, the same book.
const RAY_TRACER: [(f64, f64); 11] = [
    (1.0, 20.0),
    (4.0, 78.0),
    (8.0, 130.0),
    (12.0, 170.0),
    (16.0, 190.0),
    (20.0, 200.0),
    (24.0, 210.0),
    (28.0, 230.0),
    (32.0, 260.0),
    (48.0, 280.0),
    (64.0, 310.0),
];

/// Cisco's benchmark of MySQL at 1 to 32 threads; Schwartz, "Practical Scalability Analysis with the
/// Universal Scalability Law", 2015.
const CISCO: [f64; 32] = [
    955.16, 1878.91, 2688.01, 3548.68, 4315.54, 5130.43, 5931.37, 6531.08, 7219.8, 7867.61,
    8278.71, 8646.7, 9047.84, 9426.55, 9645.37, 9897.24, 10097.6, 10240.5, 10532.39, 10798.52,
    11151.43, 11518.63, 11806.0, 12089.37, 12075.41, 12177.29, 12211.41, 12158.93, 12155.27,
    12118.04, 12140.4, 12074.39,
];

/// Five loads, each measured twice.
const REPEATED: [(f64, f64); 10] = [
    (1.0, 520.0),
    (1.0, 498.0),
    (2.0, 955.0),
    (2.0, 990.0),
    (4.0, 1640.0),
    (4.0, 1702.0),
    (8.0, 2390.0),
    (8.0, 2301.0),
    (16.0, 2250.0),
    (16.0, 2333.0),
];

/// What R's `usl` 3.0.4 prints of `specsdm91` (its README and `tests/summary.Rout.save`).
#[test]
fn the_coefficients_of_sdm91_are_those_of_r() {
    let fit = fit(&points(&SDM91), Spread::Constant).unwrap();
    assert_near(fit.sigma.value, 0.027_728_5, 2e-6);
    assert_near(fit.kappa.value, 0.000_104_4, 5e-4);
    assert_near(fit.lambda.value, 89.995_233, 1e-6);
    assert_near(fit.peak.value, 96.519_56, 1e-4);
    assert_near(fit.peak_throughput, 1_884.0, 3e-4);
    assert_eq!((fit.loads, fit.misfit_p), ((1.0, 216.0), None));
    assert!(fit.shows_peak() && fit.peak_is_measured() && !fit.is_misfit());
}

/// What the same package prints of the first six rows of `raytracer` (`tests/confint.Rout.save`).
#[test]
fn the_coefficients_of_the_ray_tracer_are_those_of_r() {
    let fit = fit(&points(&RAY_TRACER[..6]), Spread::Constant).unwrap();
    assert_near(fit.sigma.value, 0.024_44, 3e-4);
    assert_near(fit.kappa.value, 0.001_63, 4e-3);
    assert_near(fit.lambda.value, 20.856_05, 1e-6);
}

/// As the book prints them, by way of `usl4j`'s `ModelTest`.
#[test]
fn the_coefficients_of_cisco_are_those_of_the_book() {
    let measured: Vec<(f64, f64)> = (1..).map(f64::from).zip(CISCO).collect();
    let fit = fit(&points(&measured), Spread::Constant).unwrap();
    // SciPy 1.17.1 finds 0.02671594, 0.0007690939 and 995.64878.
    assert_near(fit.sigma.value, 0.026_715_91, 2e-6);
    assert_near(fit.kappa.value, 7.690_945e-4, 2e-6);
    assert_near(fit.lambda.value, 995.648_6, 2e-6);
    assert_eq!((fit.peak.value.floor(), fit.throughput_at(35.0).floor()), (35.0, 12_341.0));
    assert_near(fit.throughput_at(20.0), 11_063.633_137_626, 1e-6);
}

/// The ends that `scipy.optimize.least_squares` and `brentq` of SciPy 1.17.1 find for the profile, with the
/// quantile of `scipy.stats.t`.
#[test]
fn intervals_are_those_of_scipy() {
    let sdm91 = fit(&points(&SDM91), Spread::Constant).unwrap();
    assert_ends(sdm91.lambda, (61.246_339_508, 144.545_559_489));
    assert_ends(sdm91.sigma, (0.009_484_733_115, 0.064_103_491_558));
    assert_ends(sdm91.kappa, (3.862_124_232e-5, 1.611_757_086e-4));
    assert_ends(sdm91.peak, (77.855_355_851, 156.661_804_072));
    let ray_tracer = fit(&points(&RAY_TRACER[..6]), Spread::Constant).unwrap();
    assert_eq!(ray_tracer.sigma.low, 0.0);
    assert_near(ray_tracer.sigma.high, 0.053_412_455_956, 1e-5);
    assert_ends(ray_tracer.peak, (20.393_234_489, 36.122_250_008));
    let repeated = fit(&points(&REPEATED), Spread::Proportional).unwrap();
    assert_near(repeated.sigma.value, 0.040_737_023_525, 1e-6);
    assert_ends(repeated.lambda, (494.849_132_829, 527.337_492_726));
    assert_ends(repeated.sigma, (0.020_844_244_111, 0.061_576_596_565));
    assert_ends(repeated.kappa, (0.006_808_075_993, 0.009_482_608_139));
    assert_ends(repeated.peak, (10.143_753_451, 11.760_061_054));
}

/// With the least squares, the points of a curve that nobody could draw through them.
#[test]
fn what_the_law_does_not_describe_is_called_so() {
    let mut kinked = exact(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0], 1_000.0, 0.0, 0.0);
    for point in kinked.iter_mut().filter(|point| point.load > 4.0) {
        point.throughput = 4_000.0;
    }
    let repeated = |percent: f64| -> Vec<Observation> {
        let factors = [1.0 - percent / 100.0, 1.0, 1.0 + percent / 100.0];
        let all = kinked.iter().flat_map(|point| {
            factors.map(|factor| Observation { throughput: point.throughput * factor, ..*point })
        });
        all.collect()
    };
    let fits = [1.0, 60.0].map(|percent| fit(&repeated(percent), Spread::Proportional).unwrap());
    assert!(fits[0].is_misfit() && !fits[1].is_misfit(), "{fits:?}");
    assert!(!fits[0].shows_peak() && fits[0].peak.low > 4.0, "{fits:?}");
    // Repetitions that do not vary make a misfit of every distance.
    assert_eq!(fit(&repeated(0.0), Spread::Proportional).unwrap().misfit_p, Some(0.0));
}

#[test]
fn too_few_loads_are_not_fitted() {
    let three = [(1.0, 10.0), (2.0, 19.0), (2.0, 18.0), (4.0, 30.0)];
    assert_eq!(fit(&points(&three), Spread::Proportional), None);
    assert_eq!(fit(&[], Spread::Proportional), None);
    let useless = [(1.0, 10.0), (2.0, 19.0), (4.0, 30.0), (8.0, 0.0), (0.5, 4.0), (16.0, f64::NAN)];
    assert_eq!(fit(&points(&useless), Spread::Proportional), None);
}

/// More and more clients that do less and less than one: the peak is at one.
#[test]
fn throughput_that_falls_from_the_first_has_its_peak_there() {
    let falling = exact(&[1.0, 2.0, 4.0, 8.0], 4_000.0, 1.4, 0.01);
    let found = fit(&falling, Spread::Proportional).unwrap();
    assert_eq!((found.peak.value, found.peak.low, found.peak.high), (1.0, 1.0, 1.0));
    assert_near(found.peak_throughput, 4_000.0, 1e-6);
}

#[test]
fn throughput_that_never_falls_has_no_peak() {
    let growing = [(1.0, 100.0), (2.0, 199.0), (4.0, 401.0), (8.0, 795.0), (16.0, 1_604.0)];
    let found = fit(&points(&growing), Spread::Proportional).unwrap();
    assert!(!found.shows_peak() && found.kappa.low == 0.0 && found.peak.low > 16.0, "{found:?}");
    let flat = [(1.0, 100.0), (2.0, 100.0), (4.0, 100.0), (8.0, 100.0)];
    let found = fit(&points(&flat), Spread::Proportional).unwrap();
    assert_near(found.sigma.value, 1.0, 1e-6);
    assert_eq!(found.r_squared, None);
}

fn law(load: f64, lambda: f64, sigma: f64, kappa: f64) -> f64 {
    lambda * load / (1.0 + sigma * (load - 1.0) + kappa * load * (load - 1.0))
}

fn exact(loads: &[f64], lambda: f64, sigma: f64, kappa: f64) -> Vec<Observation> {
    let point =
        |load: &f64| Observation { load: *load, throughput: law(*load, lambda, sigma, kappa) };
    loads.iter().map(point).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the coefficients, points on the curve give them back, with intervals that close in on them.
    #[test]
    fn points_on_the_curve_give_its_coefficients(
        lambda in (-2.0f64..7.0).prop_map(|power| 10f64.powf(power)),
        sigma in prop_oneof![Just(0.0), 1e-4f64..1.0, 1.0f64..3.0],
        kappa in prop_oneof![Just(0.0), (-6.0f64..0.0).prop_map(|power| 10f64.powf(power))],
        first in 1u32..4,
        size in 4usize..9,
        spread in prop_oneof![Just(Spread::Constant), Just(Spread::Proportional)],
    ) {
        let loads: Vec<f64> = (0..size).map(|power| f64::from(first << power)).collect();
        let once = exact(&loads, lambda, sigma, kappa);
        let fit = fit(&[once.clone(), once].concat(), spread).unwrap();
        prop_assert!(!fit.is_misfit(), "{fit:?}");
        let near = |found: f64, known: f64| (found - known).abs() <= 1e-6 * known.abs().max(1e-3);
        for (found, known) in [(fit.lambda, lambda), (fit.sigma, sigma), (fit.kappa, kappa)] {
            prop_assert!(near(found.value, known), "{} is not {known}: {fit:?}", found.value);
            prop_assert!(found.low <= found.value && found.value <= found.high, "{fit:?}");
        }
        let most = loads.iter().map(|load| law(*load, lambda, sigma, kappa)).fold(0.0, f64::max);
        prop_assert!(fit.peak_throughput >= most * (1.0 - 1e-6), "{fit:?}");
        prop_assert!(fit.peak.low <= fit.peak.value && fit.peak.value <= fit.peak.high, "{fit:?}");
    }

    /// Repetitions that scatter in any way give a fit, and a throughput in another unit the same one.
    #[test]
    fn any_points_are_fitted(
        measured in proptest::collection::vec((1u32..200, 0.01f64..1e6), 0..30),
        factor in 1e-3f64..1e3,
    ) {
        let measured: Vec<_> = measured.into_iter().map(|(n, x)| (f64::from(n), x)).collect();
        let scaled: Vec<_> = measured.iter().map(|(n, x)| (*n, x * factor)).collect();
        let mut loads: Vec<u64> = measured.iter().map(|(n, _)| *n as u64).collect();
        loads.sort_unstable();
        loads.dedup();
        let found = fit(&points(&measured), Spread::Proportional);
        prop_assert_eq!(found.is_some(), loads.len() >= 4);
        let (Some(one), Some(other)) = (found, fit(&points(&scaled), Spread::Proportional)) else {
            return Ok(());
        };
        for estimate in [one.lambda, one.sigma, one.kappa, one.peak] {
            prop_assert!(estimate.low <= estimate.value && estimate.value <= estimate.high, "{one:?}");
        }
        prop_assert!(one.sigma.low >= 0.0 && one.kappa.low >= 0.0 && one.peak.low >= 1.0);
        for (load, _) in &measured {
            let (one, other) = (one.throughput_at(*load) * factor, other.throughput_at(*load));
            prop_assert!((one / other - 1.0).abs() < 1e-3, "{one} is not {other}");
        }
    }
}

const TRIALS: u32 = 300;

/// How often the intervals of seeded series hold the true contention, coherency and peak.
fn held(loads: &[f64], repetitions: usize, (sigma, kappa): (f64, f64), percent: f64) -> [f64; 4] {
    let path = [loads.len() as u64, repetitions as u64, (sigma * 1e6) as u64, (kappa * 1e6) as u64];
    let mut rng = Rng::new(11, &path);
    let peak = ((1.0 - sigma) / kappa).sqrt();
    let holds = |estimate: Estimate, known: f64| {
        f64::from(u8::from(estimate.low <= known && known <= estimate.high))
    };
    let mut shares = [0.0; 4];
    for _ in 0..TRIALS {
        let mut series = Vec::new();
        for point in exact(loads, 1_000.0, sigma, kappa) {
            series.extend((0..repetitions).map(|_| {
                let factor = Noise::Normal.draw(&mut rng, percent) / 100.0;
                Observation { throughput: point.throughput * factor, ..point }
            }));
        }
        let Fit { lambda, sigma: contention, kappa: coherency, peak: most, .. } =
            fit(&series, Spread::Proportional).unwrap();
        let found = [
            holds(lambda, 1_000.0),
            holds(contention, sigma),
            holds(coherency, kappa),
            holds(most, peak),
        ];
        shares.iter_mut().zip(found).for_each(|(share, one)| *share += one / f64::from(TRIALS));
    }
    shares
}

/// Of [`TRIALS`] intervals about 95 % hold the truth, three standard deviations of chance to either side, and more
/// where a bound cuts off half of them.
#[test]
fn intervals_hold_the_true_coefficients_as_often_as_they_say() {
    let chance = 3.0 * (0.95f64 * 0.05 / f64::from(TRIALS)).sqrt();
    let (short, long) = ([1.0, 2.0, 4.0, 8.0, 16.0], [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
    for (loads, repetitions, coefficients, percent) in [
        (&short[..], 1, (0.05, 0.01), 1.0),
        (&short[..], 3, (0.05, 0.002), 2.0),
        (&short[..], 5, (0.2, 0.01), 3.0),
        (&long[..], 1, (0.2, 0.01), 2.0),
        (&long[..], 3, (0.05, 0.002), 3.0),
        (&long[..], 5, (0.3, 0.0), 2.0),
        (&short[..4], 3, (0.1, 0.02), 1.0),
    ] {
        let shares = held(loads, repetitions, coefficients, percent);
        for share in shares {
            let about = format!("{} loads, {repetitions} times, {coefficients:?}", loads.len());
            assert!((0.95 - chance..=1.0).contains(&share), "{about}: {shares:?}");
        }
    }
}
