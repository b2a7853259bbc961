// Tells what kstatus, and so Flux, makes of objects: a JSON list of them on standard input, a JSON list of
// [status, message] on standard output.
package main

import (
	stdjson "encoding/json"
	"io"
	"log"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	var given []any
	if err := json.Unmarshal(text, &given); err != nil {
		log.Fatal(err)
	}
	told := make([][2]string, len(given))
	for i, object := range given {
		found, err := status.Compute(&unstructured.Unstructured{Object: object.(map[string]any)})
		if err != nil {
			log.Fatal(err)
		}
		told[i] = [2]string{string(found.Status), found.Message}
	}
	if err := stdjson.NewEncoder(os.Stdout).Encode(told); err != nil {
		log.Fatal(err)
	}
}
