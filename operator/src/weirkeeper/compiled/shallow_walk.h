// Walks shallow trees; included once for each NUMBER that rows are compared in, with names that end on SUFFIX.

#define NAMED_(name, suffix) name##_##suffix
#define NAMED(name, suffix) NAMED_(name, suffix)
#define Numbers NAMED(Numbers, SUFFIX)
#define Given NAMED(Given, SUFFIX)

typedef NUMBER Numbers __attribute__((vector_size(ROWS * sizeof(NUMBER))));
typedef NUMBER Given __attribute__((aligned(1))); // an array may begin at any byte

// Lay out the columns that are asked about, a value of each row beside the other; rows that are not there are zero.
static void NAMED(lay_out, SUFFIX)(const Trees *trees, const Given *rows, int count, Numbers *columns) {
    NUMBER *values = (NUMBER *)columns;
    for (int64_t place = 0; place < trees->used_count; place++, values += ROWS) {
        const Given *column = rows + trees->used[place];
        for (int row = 0; row < count; row++)
            values[row] = column[row * trees->width];
        for (int row = count; row < ROWS; row++)
            values[row] = 0;
    }
}

// Say for each question which rows go to the right: all bits of a byte are set where one does.
static void NAMED(answer, SUFFIX)(const Trees *trees, const Numbers *columns, Bytes *answers) {
    const NUMBER *thresholds = trees->thresholds;
    for (int64_t question = 0; question < trees->question_count; question++) {
        answers[question] =
            (Bytes) __builtin_convertvector(columns[trees->places[question]] > thresholds[question], Signed);
    }
    if (!trees->may_lack)
        return;
    for (int64_t question = 0; question < trees->question_count; question++) {
        if (!trees->lacking_right[question])
            continue;
        const Numbers values = columns[trees->places[question]];
        answers[question] |= (Bytes) __builtin_convertvector(values != values, Signed);
    }
}

// Walk one row down all trees.
static void NAMED(descend, SUFFIX)(const Trees *trees, const Given *row, double *sums) {
    const NUMBER *thresholds = trees->thresholds;
    const int64_t inner = (1 << trees->levels) - 1;
    for (int64_t sum = 0; sum < trees->sums; sum++)
        sums[sum] = 0.0;
    for (int64_t tree = 0; tree < trees->tree_count; tree++) {
        const int32_t *asked = trees->asked + tree * inner;
        int64_t place = 0; // the children of a question stand behind it, at twice its place
        while (place < inner) {
            const int32_t question = asked[place];
            const NUMBER value = row[trees->features[question]];
            const int lacking = (value != value) & trees->lacking_right[question];
            place = 2 * place + 1 + ((value > thresholds[question]) | lacking);
        }
        const double *leaf = trees->leaves + (tree * (inner + 1) + place - inner) * trees->columns;
        for (int64_t column = 0; column < trees->columns; column++)
            sums[trees->targets[tree] + column] += leaf[column];
    }
}

// Walk up to ROWS rows.
static void NAMED(walk_part, SUFFIX)(const Trees *trees, const Given *rows, int count, Numbers *columns, Bytes *answers,
                                     Sums *sums, double *found) {
    NAMED(lay_out, SUFFIX)(trees, rows, count, columns);
    NAMED(answer, SUFFIX)(trees, columns, answers);
    add_leaves(trees, answers, sums);
    for (int row = 0; row < count; row++) {
        for (int64_t sum = 0; sum < trees->sums; sum++)
            found[row * trees->sums + sum] = sums[sum][row];
    }
}

// Add up the leaves that each of `count` rows reaches, into `found` `[count][sums]`; 0, or -1 without memory.
int64_t NAMED(weirkeeper_walk, SUFFIX)(const Trees *trees, const Given *rows, int64_t count, double *found) {
    const int64_t few = count % ROWS <= FEW_ROWS ? count % ROWS : 0, many = count - few;
    for (int64_t row = many; row < count; row++)
        NAMED(descend, SUFFIX)(trees, rows + row * trees->width, found + row * trees->sums);
    if (!many)
        return 0;
    const size_t column_bytes = (size_t)trees->used_count * sizeof(Numbers);
    const size_t answer_bytes = (size_t)trees->question_count * sizeof(Bytes);
    const size_t sum_bytes = (size_t)trees->sums * sizeof(Sums);
    const size_t parts = (column_bytes + answer_bytes + sum_bytes) / sizeof(Numbers) + 1;
    Numbers *columns = aligned_alloc(sizeof(Numbers), parts * sizeof(Numbers));
    if (!columns)
        return -1;
    Bytes *answers = (Bytes *)((char *)columns + column_bytes);
    Sums *sums = (Sums *)((char *)answers + answer_bytes);
    for (int64_t start = 0; start < many; start += ROWS) {
        const int part = many - start < ROWS ? (int)(many - start) : ROWS;
        NAMED(walk_part, SUFFIX)(trees, rows + start * trees->width, part, columns, answers, sums,
                                 found + start * trees->sums);
    }
    free(columns);
    return 0;
}

#undef Numbers
#undef Given
#undef NAMED
#undef NAMED_
