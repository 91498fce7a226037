package interpreter

// conditions are the nested IFs around an instruction. Only whether all of them
// are met can be seen, so the depth of the first that is not stands for the rest:
// an ELSE costs the same however deep it is.
type conditions struct {
	depth int
	unmet int // depth of the first that is not met, or zero
}

func (c *conditions) met() bool { return c.unmet == 0 }

func (c *conditions) push(met bool) {
	c.depth++
	if c.unmet == 0 && !met {
		c.unmet = c.depth
	}
}

func (c *conditions) toggle() {
	switch c.unmet {
	case 0:
		c.unmet = c.depth
	case c.depth:
		c.unmet = 0
	}
}

func (c *conditions) pop() {
	if c.unmet == c.depth {
		c.unmet = 0
	}
	c.depth--
}
