/* Ensembles of shallow trees that were made complete: every question is asked of ROWS rows at once, and but once. A
   leaf's number is the answers on the way to it, as bits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64, MOST_LEVELS = 6 };
enum { FEW_ROWS = 6 }; // so many are quicker walked one after the other, down each tree

typedef uint8_t Bytes __attribute__((vector_size(ROWS)));
typedef int8_t Signed __attribute__((vector_size(ROWS)));
typedef double Sums[ROWS];

/* `asked` is `[trees][2^levels - 1]`, level by level, `leaves` `[trees][2^levels][columns]`. A tree adds `columns`
   numbers to the sums from its target on. */
typedef struct {
    int64_t levels, tree_count, question_count, used_count, width, sums, columns, may_lack;
    const int32_t *used;          /* [used_count] the columns of rows that are asked about */
    const int32_t *features;      /* [question_count] the columns of rows */
    const int32_t *places;        /* [question_count] where `used` has them */
    const void *thresholds;       /* [question_count] in the type of rows */
    const uint8_t *lacking_right; /* [question_count] */
    const int32_t *asked;
    const double *leaves;
    const int32_t *targets; /* [tree_count] */
} Trees;

// Take the second half where a row went to the right before, else the first.
static inline Bytes chosen(Bytes left, Bytes right, Bytes turn) { return left ^ ((left ^ right) & turn); }

static inline Bytes leaf_of(const Bytes *answers, const int32_t *asked, int levels) {
    Bytes turns[MOST_LEVELS], at[1 << (MOST_LEVELS - 1)];
    turns[0] = answers[asked[0]];
    Bytes leaf = -turns[0];
    for (int level = 1; level < levels; level++) {
        int width = 1 << level;
        asked += width >> 1;
        for (int place = 0; place < width; place++)
            at[place] = answers[asked[place]];
        for (int earlier = 0; earlier < level; earlier++) {
            width >>= 1;
            for (int place = 0; place < width; place++) {
                at[place] = chosen(at[place], at[place + width], turns[earlier]);
            }
        }
        turns[level] = at[0];
        leaf = leaf + leaf - at[0];
    }
    return leaf;
}

static Bytes leaves_of(const Trees *trees, const Bytes *answers, int64_t tree) {
    const int32_t *asked = trees->asked + tree * ((1 << trees->levels) - 1);
    switch (trees->levels) { /* the number of levels is known in each call, so that it has no loop */
    case 1:
        return leaf_of(answers, asked, 1);
    case 2:
        return leaf_of(answers, asked, 2);
    case 3:
        return leaf_of(answers, asked, 3);
    case 4:
        return leaf_of(answers, asked, 4);
    case 5:
        return leaf_of(answers, asked, 5);
    default:
        return leaf_of(answers, asked, MOST_LEVELS);
    }
}

static void add_leaves(const Trees *trees, const Bytes *answers, Sums *sums) {
    memset(sums, 0, (size_t)trees->sums * sizeof(Sums));
    const int64_t columns = trees->columns, size = columns << trees->levels;
    for (int64_t tree = 0; tree < trees->tree_count; tree++) {
        const Bytes leaves = leaves_of(trees, answers, tree);
        uint8_t places[ROWS];
        memcpy(places, &leaves, ROWS);
        for (int64_t column = 0; column < columns; column++) {
            const double *table = trees->leaves + tree * size + column;
            double *sum = sums[trees->targets[tree] + column];
            if (columns == 1) {
                for (int row = 0; row < ROWS; row++)
                    sum[row] += table[places[row]];
            } else {
                for (int row = 0; row < ROWS; row++)
                    sum[row] += table[places[row] * columns];
            }
        }
    }
}

#define NUMBER float
#define SUFFIX single
#include "shallow_walk.h"
#undef NUMBER
#undef SUFFIX

#define NUMBER double
#define SUFFIX double
#include "shallow_walk.h"
#undef NUMBER
#undef SUFFIX
