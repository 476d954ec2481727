import { DndContext, type DragEndEvent, KeyboardSensor, PointerSensor, useSensor, useSensors } from '@dnd-kit/core';
import { SortableContext, useSortable, verticalListSortingStrategy } from '@dnd-kit/sortable';
import { CSS } from '@dnd-kit/utilities';
import { ActionIcon, Button, Menu, Switch, TextInput, UnstyledButton } from '@mantine/core';
import {
  IconChevronDown,
  IconCopy,
  IconDots,
  IconGripVertical,
  IconPlus,
  IconTrash,
  IconArrowDown,
  IconArrowUp,
} from '@tabler/icons-react';
import { useState } from 'react';
import type { ActionDefinition, ActionType, DryRunAction } from '../../api/types';
import { actionIcon } from '../../components/action-icons';
import { Fold } from '../../components/fold';
import { notifyDone } from '../../components/notify';
import { ToneBadge } from '../../components/status-badge';
import { texts } from '../../texts';
import { cardAtHeight, toNextCard } from './card-places';
import { actionVerdict } from './dry-run-words';
import type { FormContext } from './form-context';
import classes from './pipeline.module.css';
import { actionFields } from './schema-fields';
import { SchemaForm } from './schema-form';
import { actionFaults, duplicateAction, moved, newAction } from './subscription-draft';

const words = texts.subscription;

interface Props {
  actions: ActionDefinition[];
  onChange: (actions: ActionDefinition[]) => void;
  types: ActionType[];
  faults: Record<string, string>;
  context: FormContext;
  /** Outcome of the last dry run by action id. */
  outcomes: Map<string, DryRunAction>;
}

/** The actions in the order they run; reordered by dragging, by keyboard or from the menu. */
export function Pipeline({ actions, onChange, types, faults, context, outcomes }: Props) {
  const [open, setOpen] = useState<string | null>(null);
  const [added, setAdded] = useState<string | null>(null);
  const sensors = useSensors(
    useSensor(PointerSensor, { activationConstraint: { distance: 5 } }),
    useSensor(KeyboardSensor, { coordinateGetter: toNextCard }),
  );
  const nameOf = (action: ActionDefinition) => action.name || titleOf(action.type, types);
  const drop = ({ active, over }: DragEndEvent) => {
    if (!over || active.id === over.id) return;
    const from = actions.findIndex((action) => action.id === active.id);
    const to = actions.findIndex((action) => action.id === over.id);
    onChange(moved(actions, from, to));
  };
  /** The place it is moved to, in the order as it still is; its own where it is over none. */
  const placeOf = ({ active, over }: Pick<DragEndEvent, 'active' | 'over'>) => {
    const action = actions.find(({ id }) => id === active.id);
    const index = actions.findIndex(({ id }) => id === (over ?? active).id);
    return action ? words.dragged(nameOf(action), index + 1, actions.length) : '';
  };
  const removeAction = (action: ActionDefinition) => {
    const before = actions;
    onChange(actions.filter((one) => one.id !== action.id));
    notifyDone(words.actionRemoved(nameOf(action)), { run: () => onChange(before) });
  };
  return (
    <>
      <DndContext
        sensors={sensors}
        collisionDetection={cardAtHeight}
        onDragEnd={drop}
        accessibility={{
          screenReaderInstructions: { draggable: words.dragHelp },
          announcements: {
            onDragStart: ({ active }) => placeOf({ active, over: null }),
            onDragOver: placeOf,
            onDragEnd: placeOf,
            onDragCancel: ({ active }) => placeOf({ active, over: null }),
          },
        }}
      >
        <SortableContext items={actions.map((action) => action.id)} strategy={verticalListSortingStrategy}>
          <ol className={classes.actions}>
            {actions.map((action, index) => (
              <ActionCard
                key={action.id}
                action={action}
                name={nameOf(action)}
                place={{ index, count: actions.length }}
                type={types.find((type) => type.type === action.type)}
                opened={open === action.id}
                wasAdded={added === action.id}
                onToggle={() => setOpen(open === action.id ? null : action.id)}
                onChange={(next) => onChange(actions.map((one) => (one.id === action.id ? next : one)))}
                onMove={(to) => onChange(moved(actions, index, to))}
                onDuplicate={() => onChange([...actions, duplicateAction(action, actions)])}
                onRemove={() => removeAction(action)}
                faults={actionFaults(faults, index)}
                context={context}
                outcome={outcomes.get(action.id)}
              />
            ))}
          </ol>
        </SortableContext>
      </DndContext>
      {actions.length === 0 && <p className={classes.none}>{words.noActions}</p>}
      {!context.readOnly && (
        <AddAction
          types={types}
          onAdd={(type) => {
            const action = newAction(type, actions);
            onChange([...actions, action]);
            setOpen(action.id);
            setAdded(action.id);
          }}
        />
      )}
    </>
  );
}

interface CardProps {
  action: ActionDefinition;
  name: string;
  place: { index: number; count: number };
  type: ActionType | undefined;
  opened: boolean;
  /** Just now, by hand: its name takes the focus. */
  wasAdded: boolean;
  onToggle: () => void;
  onChange: (action: ActionDefinition) => void;
  onMove: (to: number) => void;
  onDuplicate: () => void;
  onRemove: () => void;
  faults: Record<string, string>;
  context: FormContext;
  outcome: DryRunAction | undefined;
}

function ActionCard(props: CardProps) {
  const { action, name, place, type, opened, faults, context, outcome } = props;
  const { attributes, listeners, setNodeRef, setActivatorNodeRef, transform, transition, isDragging } = useSortable({
    id: action.id,
    disabled: context.readOnly,
  });
  const Icon = actionIcon(action.type);
  const isFaulty = Object.keys(faults).length > 0;
  const verdict = outcome ? actionVerdict(outcome) : null;
  const showsForm = opened || isFaulty;
  return (
    <li
      ref={setNodeRef}
      className={`${classes.card} ${isDragging ? classes.dragging : ''} ${isFaulty ? classes.faulty : ''}`}
      style={{ transform: CSS.Translate.toString(transform), transition }}
    >
      <div className={classes.head}>
        {!context.readOnly && (
          <ActionIcon
            ref={setActivatorNodeRef}
            variant="subtle"
            color="gray"
            size="sm"
            className={classes.handle}
            {...attributes}
            {...listeners}
            aria-label={words.dragHandle(name)}
          >
            <IconGripVertical size={16} />
          </ActionIcon>
        )}
        <span className={action.enabled ? classes.icon : classes.iconOff}>
          <Icon size={18} stroke={1.7} aria-hidden />
        </span>
        <UnstyledButton className={classes.title} onClick={props.onToggle} aria-expanded={showsForm}>
          <span className={classes.name}>{name}</span>
          <span className={classes.summary}>{summaryOf(action) || (type?.title ?? action.type)}</span>
        </UnstyledButton>
        {!action.enabled && <ToneBadge tone="off">{words.actionOff}</ToneBadge>}
        {action.enabled && verdict && <ToneBadge tone={verdict.tone}>{verdict.words}</ToneBadge>}
        <IconChevronDown size={16} className={showsForm ? classes.turned : classes.chevron} aria-hidden />
        {!context.readOnly && <CardMenu {...props} place={place} />}
      </div>
      {showsForm && (
        <div className={classes.body}>
          {faults[''] && <div className={classes.fault}>{faults['']}</div>}
          {type ? (
            <ActionForm {...props} type={type} />
          ) : (
            <p className={classes.none}>{words.unknownType(action.type)}</p>
          )}
        </div>
      )}
    </li>
  );
}

function CardMenu({
  name,
  place,
  onMove,
  onDuplicate,
  onRemove,
}: Pick<CardProps, 'name' | 'place' | 'onMove' | 'onDuplicate' | 'onRemove'>) {
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`${texts.common.more}: ${name}`}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<IconArrowUp size={16} />}
          disabled={place.index === 0}
          onClick={() => onMove(place.index - 1)}
        >
          {words.moveUp}
        </Menu.Item>
        <Menu.Item
          leftSection={<IconArrowDown size={16} />}
          disabled={place.index === place.count - 1}
          onClick={() => onMove(place.index + 1)}
        >
          {words.moveDown}
        </Menu.Item>
        <Menu.Item leftSection={<IconCopy size={16} />} onClick={onDuplicate}>
          {words.duplicate}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={onRemove}>
          {words.removeAction}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function ActionForm({ action, type, onChange, faults, context, wasAdded }: CardProps & { type: ActionType }) {
  const fields = actionFields(type.schema);
  const write = (name: string, value: unknown) => onChange({ ...action, [name]: value });
  const form = { value: action, onChange: write, faults, context };
  const rare = [...fields.rare, ...fields.limits];
  return (
    <>
      <div className={classes.identity}>
        <TextInput
          label={words.fields.name}
          placeholder={type.title}
          value={action.name ?? ''}
          error={faults.name}
          disabled={context.readOnly}
          autoFocus={wasAdded}
          onChange={(event) => write('name', event.currentTarget.value)}
        />
        <Switch
          label={words.enabled}
          checked={action.enabled}
          disabled={context.readOnly}
          onChange={(event) => write('enabled', event.currentTarget.checked)}
        />
      </div>
      <SchemaForm {...form} fields={fields.own} />
      <div>
        <Fold title={words.condition} opened={fields.flow.some((field) => action[field.name] || faults[field.name])}>
          <SchemaForm {...form} fields={fields.flow} />
        </Fold>
        <Fold
          title={words.advanced}
          opened={rare.some((field) => Object.keys(faults).some((name) => name.startsWith(field.name)))}
        >
          <SchemaForm {...form} fields={rare} />
        </Fold>
      </div>
    </>
  );
}

function AddAction({ types, onAdd }: { types: ActionType[]; onAdd: (type: string) => void }) {
  return (
    // The new card takes the focus; given back to the button, it would stand behind the card.
    <Menu position="bottom-start" width={320} returnFocus={false}>
      <Menu.Target>
        <Button variant="light" leftSection={<IconPlus size={16} />}>
          {words.addAction}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{words.chooseAction}</Menu.Label>
        {types.map((type) => {
          const Icon = actionIcon(type.type);
          return (
            <Menu.Item key={type.type} leftSection={<Icon size={18} stroke={1.7} />} onClick={() => onAdd(type.type)}>
              <span className={classes.typeTitle}>{type.title}</span>
              <span className={classes.typeHelp}>{type.description}</span>
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}

function titleOf(type: string, types: ActionType[]): string {
  return types.find((one) => one.type === type)?.title ?? type;
}

/** Where it goes, in one line. */
function summaryOf(action: ActionDefinition): string {
  const target = action.url ?? action.topic ?? action.queue ?? action.statement ?? action.message;
  return typeof target === 'string' ? target : '';
}
