// Counting by the bins of a reference: what weirkeeper.statistics.tallies does in numpy, to the bit.
#include <math.h>
#include <stdint.h>

enum { AT_ONCE = 512 }; /* values that stay in the first cache while they are compared with every edge */
enum { KINDS = 5 };     /* numbers that are told before those of edges and points */

typedef struct {
    const double *edges;
    int64_t edge_count;
    const double *points;
    int64_t point_count;
    double low, high;
    double mean, scale, farthest, unit;
    int64_t summed;
} Feature;

typedef double Given __attribute__((aligned(1))); // an array may begin at any byte

typedef struct {
    int64_t missing, positive, negative, outside;
} Kinds;

static Kinds kinds_of(const Given *values, int count, const Feature *feature) {
    const double low = feature->low, high = feature->high;
    int64_t missing = 0, positive = 0, negative = 0, outside = 0;
    for (int i = 0; i < count; i++) {
        const double value = values[i];
        missing += value != value;
        positive += value == INFINITY;
        negative += value == -INFINITY;
        outside += ((value < low) | (value > high)) & (__builtin_fabs(value) < INFINITY);
    }
    return (Kinds){missing, positive, negative, outside};
}

static int64_t offsets_of(const Given *values, int count, const Feature *feature) {
    const double mean = feature->mean, scale = feature->scale, farthest = feature->farthest, unit = feature->unit;
    double offsets[AT_ONCE];
    for (int i = 0; i < count; i++) {
        double offset = (values[i] - mean) / scale;
        offset = offset > farthest ? farthest : offset;
        offset = offset < -farthest ? -farthest : offset;
        offsets[i] = __builtin_fabs(values[i]) < INFINITY ? __builtin_rint(offset / unit) : 0.0;
    }
    /* Whole numbers below 2^53 add up exactly in any order, so that several are added at a time. */
    double sums[8] = {0};
    for (int i = 0; i + 8 <= count; i += 8) {
        for (int j = 0; j < 8; j++)
            sums[j] += offsets[i + j];
    }
    for (int i = count & ~7; i < count; i++)
        sums[0] += offsets[i];
    double sum = 0.0;
    for (int j = 0; j < 8; j++)
        sum += sums[j];
    return (int64_t)sum;
}

static void count_at_most(const Given *values, int count, const double *edges, int64_t edge_count, int64_t *told) {
    for (int64_t edge = 0; edge < edge_count; edge++) {
        const double most = edges[edge];
        int64_t found = 0;
        for (int i = 0; i < count; i++)
            found += values[i] <= most;
        told[edge] += found;
    }
}

static void count_equal(const Given *values, int count, const double *points, int64_t point_count, int64_t *told) {
    for (int64_t place = 0; place < point_count; place++) {
        const double point = points[place];
        int64_t found = 0;
        for (int i = 0; i < count; i++)
            found += values[i] == point;
        told[place] += found;
    }
}

static const int64_t LARGE = INT64_C(1) << 62; // a sum that is kept below it has room for another part's

/* Add to what was told: values that are missing, infinite, negative infinite, outside of the range, the sum of offsets;
   then how many are at most each edge, then how many are each point; last, how many LARGE belong to the sum. */
void weirkeeper_tally(const Given *values, int64_t rows, const Feature *feature, int64_t *told) {
    int64_t *at_most = told + KINDS, *equal = at_most + feature->edge_count;
    for (int64_t start = 0; start < rows; start += AT_ONCE) {
        const Given *part = values + start;
        const int count = rows - start < AT_ONCE ? (int)(rows - start) : AT_ONCE;
        const Kinds kinds = kinds_of(part, count, feature);
        told[0] += kinds.missing;
        told[1] += kinds.positive;
        told[2] += kinds.negative;
        told[3] += kinds.outside;
        if (feature->summed) {
            const int64_t sum = told[4] + offsets_of(part, count, feature);
            told[4] = sum % LARGE;
            equal[feature->point_count] += sum / LARGE;
        }
        count_at_most(part, count, feature->edges, feature->edge_count, at_most);
        count_equal(part, count, feature->points, feature->point_count, equal);
    }
}

// Tell how many `scale` each value lies from `center`, at most `limit`; NaN stays.
void weirkeeper_standardise(const Given *values, int64_t rows, double center, double scale, double limit,
                            double *found) {
    for (int64_t i = 0; i < rows; i++) {
        double value = (values[i] - center) / scale;
        value = value < -limit ? -limit : value;
        found[i] = value > limit ? limit : value;
    }
}

// Add up terms, each by its weight, and round the sums to so many `steps` of 1.
void weirkeeper_project(const Given *const *terms, const double *weights, int64_t term_count, int64_t rows,
                        double steps, double *found) {
    const double step = 1.0 / steps;
    for (int64_t start = 0; start < rows; start += AT_ONCE) {
        const int count = rows - start < AT_ONCE ? (int)(rows - start) : AT_ONCE;
        double total[AT_ONCE];
        for (int i = 0; i < count; i++)
            total[i] = terms[0][start + i] * weights[0];
        for (int64_t term = 1; term < term_count; term++) {
            const Given *values = terms[term] + start;
            const double weight = weights[term];
            for (int i = 0; i < count; i++)
                total[i] += values[i] * weight;
        }
        for (int i = 0; i < count; i++)
            found[start + i] = __builtin_rint(total[i] * steps) * step;
    }
}

// A feature of one column.
typedef struct {
    const Feature *feature;
    int64_t *told;
    int64_t column;
} Single;

// A column in units of its spread.
typedef struct {
    int64_t column;
    double center, scale;
} Term;

// A feature of several terms; each is where a table has room for it.
typedef struct {
    const Feature *feature;
    int64_t *told;
    const double *const *terms;
    const double *weights;
    int64_t term_count;
} Projected;

typedef struct {
    const Single *singles;
    int64_t single_count;
    const Term *terms;
    int64_t term_count;
    const Projected *projected;
    int64_t projected_count;
    double limit, steps;
    double *room; /* for `at_once` rows of each term, and of what is projected behind them */
    int64_t at_once;
} Table;

/* Count rows of several columns by all their features, from `begin` until `end`: `at_once` of them before the next
   ones, so that they stay in a cache. */
void weirkeeper_count(const Table *table, const Given *const *columns, int64_t begin, int64_t end) {
    const int64_t at_once = table->at_once;
    double *projection = table->room + table->term_count * at_once;
    for (int64_t start = begin; start < end; start += at_once) {
        const int64_t count = end - start < at_once ? end - start : at_once;
        for (const Single *single = table->singles; single < table->singles + table->single_count; single++)
            weirkeeper_tally(columns[single->column] + start, count, single->feature, single->told);
        for (int64_t place = 0; place < table->term_count; place++) {
            const Term *term = table->terms + place;
            weirkeeper_standardise(columns[term->column] + start, count, term->center, term->scale, table->limit,
                                   table->room + place * at_once);
        }
        for (const Projected *one = table->projected; one < table->projected + table->projected_count; one++) {
            weirkeeper_project((const Given *const *)one->terms, one->weights, one->term_count, count, table->steps,
                               projection);
            weirkeeper_tally(projection, count, one->feature, one->told);
        }
    }
}
