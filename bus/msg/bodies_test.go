package msg_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// vocabulary are the folders with types that cross the bus, by package path.
var vocabulary = map[string]string{
	"github.com/bulkheadnode/bulkhead/bus/msg":     ".",
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p": "p2p",
	"github.com/bulkheadnode/bulkhead/bus/rpc":     "../rpc",
}

// TestEveryBodyIsFuzzed: bodies lists what methods, streams and topics carry, and
// reaches every type that has a CBOR form.
func TestEveryBodyIsFuzzed(t *testing.T) {
	listed, reached := map[string]bool{}, map[string]bool{}
	for _, body := range bodies() {
		listed[qualified(reflect.TypeOf(body).Elem())] = true
		reach(reflect.TypeOf(body).Elem(), reached)
	}
	carried, encoded := map[string]bool{}, map[string]bool{}
	for path, folder := range vocabulary {
		names, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				note(n, path, carried, encoded)
				return true
			})
		}
	}
	require.Greater(t, len(carried), 40, "the search finds the declarations")
	require.Greater(t, len(encoded), 40)
	for name := range carried {
		require.True(t, listed[name], "%s is carried and not in bodies()", name)
	}
	for name := range encoded {
		require.True(t, reached[name], "%s has a CBOR form and is not reached from bodies()", name)
	}
}

// note collects the type arguments of Method, Stream and Topic, and the structs
// with CBOR tags.
func note(n ast.Node, path string, carried, encoded map[string]bool) {
	switch n := n.(type) {
	case *ast.IndexListExpr:
		if isVerb(n.X) {
			for _, arg := range n.Indices {
				addArgument(arg, path, carried)
			}
		}
	case *ast.IndexExpr:
		if isVerb(n.X) {
			addArgument(n.Index, path, carried)
		}
	case *ast.TypeSpec:
		if s, ok := n.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				if f.Tag != nil && strings.Contains(f.Tag.Value, `cbor:"`) {
					encoded[path+"."+n.Name.Name] = true
				}
			}
		}
	}
}

func isVerb(x ast.Expr) bool {
	name := ""
	switch x := x.(type) {
	case *ast.SelectorExpr:
		name = x.Sel.Name
	case *ast.Ident:
		name = x.Name
	}
	return name == "Method" || name == "Stream" || name == "Topic"
}

// addArgument notes Name or p2p.Name. bus.None and type parameters are no bodies.
func addArgument(arg ast.Expr, path string, carried map[string]bool) {
	switch arg := arg.(type) {
	case *ast.Ident:
		if arg.IsExported() && !slices.Contains([]string{"Req", "Rep", "Item"}, arg.Name) {
			carried[path+"."+arg.Name] = true
		}
	case *ast.SelectorExpr:
		if arg.X.(*ast.Ident).Name == "p2p" {
			carried["github.com/bulkheadnode/bulkhead/bus/msg/p2p."+arg.Sel.Name] = true
		}
	}
}

func qualified(t reflect.Type) string { return t.PkgPath() + "." + t.Name() }

// reach notes a type and those of its fields and elements.
func reach(t reflect.Type, seen map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		reach(t.Elem(), seen)
	case reflect.Struct:
		if seen[qualified(t)] {
			return
		}
		seen[qualified(t)] = true
		for i := range t.NumField() {
			reach(t.Field(i).Type, seen)
		}
	}
}
